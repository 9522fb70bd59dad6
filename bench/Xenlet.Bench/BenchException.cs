namespace Xenlet.Bench;

/// <summary>Something cannot be measured; the message names it and says why.</summary>
internal sealed class BenchException(string message) : Exception(message);
