namespace Xenlet.Samples.Tests;

/// <summary>A responder at 00:16:3e:00:00:02, 10.0.0.2 and fd00::2, and what it sends.</summary>
internal sealed class Exchange
{
    public const string Us = "00163e000002";
    public const string Them = "00163e000001";

    private readonly Responder _responder;
    private readonly List<byte[]> _sent = [];

    public Exchange(int mtu = 1500, params string[] addresses)
    {
        Addresses read = Addresses.Read(addresses, out string problem) ?? throw new ArgumentException(problem, nameof(addresses));
        _responder = new Responder(Convert.FromHexString(Us), read, mtu, frame => _sent.Add(frame.ToArray()));
    }

    /// <summary>Milliseconds of the responder's clock.</summary>
    public long Now { get; set; }

    public string Summary => _responder.Summary;

    /// <summary>What is sent for a frame.</summary>
    public byte[][] Give(ReadOnlySpan<byte> frame, bool isChecksumBlank = false)
    {
        _sent.Clear();
        _responder.Receive(frame, isChecksumBlank, Now);
        return [.. _sent];
    }

    /// <summary>What is sent for frames that come one after the other.</summary>
    public byte[][] GiveAll(IEnumerable<byte[]> frames) => [.. frames.SelectMany(frame => Give(frame))];

    public byte[][] Announce()
    {
        _sent.Clear();
        _responder.Announce();
        return [.. _sent];
    }
}
