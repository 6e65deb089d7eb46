"""What one web origin may ask of another: decided from header fields, without a framework."""
