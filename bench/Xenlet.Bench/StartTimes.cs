namespace Xenlet.Bench;

/// <summary>How long the start of guests of one kind took, in milliseconds.</summary>
internal sealed class StartTimes
{
    /// <summary>The command <c>xl create -p</c> from its start to its end.</summary>
    public Series Create { get; } = new();

    /// <summary>The command <c>xl unpause</c> from its start to its asking Xen.</summary>
    public Series XlUnpause { get; } = new();

    /// <summary>From there to the first byte of the guest's first line.</summary>
    public Series FirstLine { get; } = new();

    /// <summary>From the start of <c>xl unpause</c> to the first byte of the guest's first line.</summary>
    public Series Whole { get; } = new();
}
