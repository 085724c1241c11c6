"""Tests of conditional independence, alone and by the thousand."""
