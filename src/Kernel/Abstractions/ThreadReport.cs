namespace Xenlet.Kernel;

/// <summary>The state of a thread at one moment.</summary>
public sealed record ThreadReport
{
    /// <summary>The thread's id in the kernel. The first thread has 1.</summary>
    public required int Id { get; init; }

    /// <summary>The thread's name in the kernel, cut after 15 bytes. Empty if it has none.</summary>
    public required string Name { get; init; }

    /// <summary>What the thread does: <c>running</c>, <c>ready</c>, or what it waits for, such as <c>waiting: futex</c>.</summary>
    public required string State { get; init; }

    /// <summary>The processor time that the thread has used.</summary>
    public required TimeSpan ProcessorTime { get; init; }

    /// <summary>
    /// The thread's backtrace, innermost address first. <c>build.sh run</c> and <c>addr2line -fe NAME.debug</c> give the names. The middle
    /// of a deep stack is left out.
    /// </summary>
    public required IReadOnlyList<ulong> Stack { get; init; }
}
