"""What everything stands on: errors, hashing, time, expressions, engines. It knows nothing of models."""
