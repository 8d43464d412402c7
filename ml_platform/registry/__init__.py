"""Versions of models: evaluation, approval, and which one is champion."""
