"""Break-glass support access: asked for by a person, approved by the customer, announced, short, and recorded."""
