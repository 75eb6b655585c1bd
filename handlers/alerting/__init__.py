"""Telling people of an alert: the ladder that climbs, and the channels it uses."""
