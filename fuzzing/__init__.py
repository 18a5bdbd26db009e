# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Coverage-guided fuzzing of the parts that read what a client wrote, and of whole dialogues.

``python -m fuzzing lines --seconds 60`` searches for octets that break a law of :mod:`fuzzing.laws`. What was found on
the way is kept in ``fuzzing/corpus``, and the ordinary tests replay it.
"""
