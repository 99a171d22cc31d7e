"""The record of every decision, made before anything is sent."""
