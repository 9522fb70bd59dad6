namespace Xenlet.Net;

/// <summary>The two ends of a conversation, as seen from here. Both are of the same family.</summary>
public readonly record struct Flow(Endpoint Local, Endpoint Remote)
{
    public override string ToString() => $"{Local} - {Remote}";
}
