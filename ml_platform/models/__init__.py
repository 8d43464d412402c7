"""Estimators and the fitting of models."""
