namespace Xenlet.Fuzz;

/// <summary>What is fuzzed: a routine that takes any bytes.</summary>
/// <param name="Name">How the command line and the corpus's file name it.</param>
/// <param name="Routine">Throws when the product does what it must not; what a peer may be told is caught by the routine itself.</param>
/// <param name="MaximumLength">Bytes of an input, at most.</param>
/// <param name="Tokens">Byte sequences that mean something, to be put into inputs.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Routine, int MaximumLength, params byte[][] Tokens)
{
    /// <summary>
    /// Whether part of the work runs on the thread pool. Which blocks follow each other is chance then: blocks are counted, not steps
    /// between them.
    /// </summary>
    public bool UsesThreadPool { get; init; }
}
