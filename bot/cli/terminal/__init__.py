"""What every command prints with: lines, tables, times, QR codes; foreign text is always made safe."""
