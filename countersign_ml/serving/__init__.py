"""Serve the version that the pointer names, and follow the pointer when it moves.

`serve_command` starts a `model_server.Server`. Its `follower.Follower` polls a
`pointer_source.PointerSource`, fetches and verifies what the pointer names, starts it as a
`backend.Backend` process, and swaps. Its `proxy.Proxy` forwards requests to the live backend.
"""
