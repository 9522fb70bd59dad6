namespace Xenlet.Net;

/// <summary>The two ends of a conversation, as seen from here. Both are of the same family.</summary>
public readonly record struct Flow(Endpoint Local, Endpoint Remote)
{
    /// <summary>The same addresses, with 0 for both ports.</summary>
    public Flow WithoutPorts => new(Local with { Port = 0 }, Remote with { Port = 0 });

    public override string ToString() => $"{Local} - {Remote}";
}
