"""Who may come in: sessions, tokens, a proxy that signs in, one-time addresses; and forms that nobody can forge."""
