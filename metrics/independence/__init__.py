"""Patches that leave the output as it was: do they leave the attribution (IIR)?"""
