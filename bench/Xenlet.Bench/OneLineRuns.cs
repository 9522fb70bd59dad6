namespace Xenlet.Bench;

/// <summary>Milliseconds from the start of <c>xl unpause</c> to the end of a domain that writes one line.</summary>
internal sealed class OneLineRuns
{
    /// <summary>A guest of some machine instructions.</summary>
    public Series Assembled { get; } = new();

    /// <summary>OneLine, without the services that answer the tool stack.</summary>
    public Series WithoutServices { get; } = new();

    /// <summary>OneLine, with control.</summary>
    public Series WithControl { get; } = new();

    /// <summary>OneLine, with control, buses and drivers.</summary>
    public Series WithDevices { get; } = new();
}
