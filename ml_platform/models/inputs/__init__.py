"""What estimators see: columns, transforms, the matrix, labels."""
