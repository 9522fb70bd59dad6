namespace Xenlet.Kernel;

/// <summary>A thread at one moment.</summary>
public sealed record ThreadReport
{
    /// <summary>Its number in the kernel; the first thread has 1.</summary>
    public required int Id { get; init; }

    /// <summary>Its name as the kernel has it, which is cut after 15 bytes; empty for one without.</summary>
    public required string Name { get; init; }

    /// <summary>What it does: <c>running</c>, <c>ready</c>, or what it waits for, such as <c>waiting: futex</c>.</summary>
    public required string State { get; init; }

    /// <summary>Processor time it has used.</summary>
    public required TimeSpan ProcessorTime { get; init; }

    /// <summary>
    /// Addresses of the calls that led to where it is, innermost first; <c>build.sh run</c> and <c>addr2line -fe NAME.debug</c> give the
    /// names. Of a deep stack the outer calls are left out.
    /// </summary>
    public required IReadOnlyList<ulong> Stack { get; init; }
}
