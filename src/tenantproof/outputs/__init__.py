"""What a run looks like in other people's formats; an output knows the model and nothing else of ours."""
