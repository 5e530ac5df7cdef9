"""Takes touchpoints and conversions, and answers when they are durable."""
