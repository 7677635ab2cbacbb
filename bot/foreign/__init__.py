"""PURE: what strangers wrote (text, charsets, JSON, markup), made safe."""
