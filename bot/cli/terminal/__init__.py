"""What every command prints with: lines, tables, times, QR codes; foreign text always made safe."""
