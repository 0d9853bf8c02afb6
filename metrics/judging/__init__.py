"""Metrics of metrics: which of them are to be trusted?"""
