"""What the AWS process has acknowledged, kept in sealed files so that it is there again after a kill -9."""
