using System.Threading.Channels;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>What came out of a port.</summary>
internal sealed record PortFrame(byte[] Data, bool IsChecksumBlank, bool IsChecksumValidated, SegmentKind SegmentKind, int SegmentSize);

/// <summary>A network whose only other end is the test.</summary>
internal sealed class TestNetwork : IFrameNetwork, IFramePort
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Channel<PortFrame> _frames =
        Channel.CreateBounded<PortFrame>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>The memory of frames for the front end.</summary>
    public FramePool Frames { get; } = new();

    /// <summary>What the tool stack said of the front end.</summary>
    public NetworkPortRequest? Request { get; private set; }

    /// <summary>Takes frames for the front end; null without one.</summary>
    public IFramePort? FrontEnd { get; set; }

    /// <summary>What connecting throws.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Called with each frame that the front end has sent, in place of keeping it.</summary>
    public Action? Sent { get; set; }

    /// <summary>Frames that the front end sent and the test has not taken.</summary>
    public int Waiting => _frames.Reader.Count;

    public IFramePort Connect(NetworkPortRequest request, IFramePort frontEnd)
    {
        Assert.Null(FrontEnd);
        Request = request;
        FrontEnd = Refusal is null ? frontEnd : throw Refusal;
        return this;
    }

    public void Disconnect(IFramePort frontEnd)
    {
        Assert.Same(FrontEnd, frontEnd);
        FrontEnd = null;
    }

    public void Send(FrameBuffer frame)
    {
        if (Sent is { } sent)
        {
            frame.Dispose();
            sent();
            return;
        }

        _frames.Writer.TryWrite(
            new(frame.Data.ToArray(), frame.IsChecksumBlank, frame.IsChecksumValidated, frame.SegmentKind, frame.SegmentSize));
        frame.Dispose();
    }

    /// <summary>The next frame that the front end sent.</summary>
    public async Task<PortFrame> ReceiveAsync() => await _frames.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>Sends a frame to the front end.</summary>
    public void Deliver(
        ReadOnlySpan<byte> data,
        bool isChecksumBlank = false,
        bool isChecksumValidated = false,
        SegmentKind kind = SegmentKind.None,
        int segmentSize = 0)
    {
        FrameBuffer frame = Frames.Rent(data.Length);
        frame.Append(data);
        frame.IsChecksumBlank = isChecksumBlank;
        frame.IsChecksumValidated = isChecksumValidated;
        frame.SegmentKind = kind;
        frame.SegmentSize = segmentSize;
        FrontEnd!.Send(frame);
    }
}
