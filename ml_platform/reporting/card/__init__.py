"""The facts of one model's page: what it decides, what it is worth, whether it is healthy, and what that rests on."""

__all__ = ["action_words", "model_card"]
