using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// Writes frames as lines of base64, which together are a capture file in tcpdump's format: the first line is the file's header, each
/// further one the record of a frame.
/// </summary>
/// <remarks>
/// Frames are copied when they are sent or received, and written by a separate task. If it cannot keep up, frames are left out and counted.
/// </remarks>
internal sealed class FrameCapture
{
    /// <summary>The largest number of frames that wait to be written.</summary>
    public const int QueueLimit = 256;

    /// <summary>Their largest total size, in bytes: a console is slower than a network.</summary>
    public const int QueueLimitBytes = 512 * 1024;

    private const int RecordHeader = 16;
    private readonly string _prefix;
    private readonly string _name;
    private readonly TextWriter _output;
    private readonly int _snapLength;
    private readonly Lock _lock = new();
    private readonly Queue<(byte[] Record, int Length)> _queue = new();
    private readonly AsyncSignal _arrival = new();
    private long _remaining;
    private int _waitingBytes;
    private long _missed;
    private long _taken;
    private bool _hasEnded;

    /// <summary>Starts a capture.</summary>
    /// <param name="name">The interface's name.</param>
    /// <param name="number">The number of this capture of the interface, which tells its lines from those of other captures.</param>
    /// <param name="request">What to capture.</param>
    /// <param name="output">Receives the lines.</param>
    public FrameCapture(string name, int number, CaptureRequest request, TextWriter output)
    {
        _name = name;
        _prefix = string.Create(CultureInfo.InvariantCulture, $"pcap {name}.{number} ");
        _output = output;
        _snapLength = request.SnapLength;
        _remaining = request.Frames;
        Completion = Task.Run(WriteAsync);
    }

    /// <summary>Completes when all lines are written.</summary>
    public Task Completion { get; }

    /// <summary>Keeps a copy of a frame.</summary>
    public void Add(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_hasEnded)
            {
                return;
            }

            int length = Math.Min(frame.Length, _snapLength);
            if (_queue.Count == QueueLimit || _waitingBytes + length > QueueLimitBytes)
            {
                _missed++;
                return;
            }

            TimeSpan since = DateTime.UtcNow - DateTime.UnixEpoch;
            byte[] record = ArrayPool<byte>.Shared.Rent(RecordHeader + length);
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(since.Ticks / TimeSpan.TicksPerSecond));
            BinaryPrimitives.WriteUInt32LittleEndian(
                record.AsSpan(4), (uint)(since.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond));
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), (uint)length);
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12), (uint)frame.Length);
            frame[..length].CopyTo(record.AsSpan(RecordHeader));
            _queue.Enqueue((record, RecordHeader + length));
            _waitingBytes += length;
            _taken++;
            _hasEnded = --_remaining == 0;
        }

        _arrival.Set();
    }

    /// <summary>Ends the capture; frames that wait are still written.</summary>
    public void End()
    {
        lock (_lock)
        {
            _hasEnded = true;
        }

        _arrival.Set();
    }

    private async Task WriteAsync()
    {
        // struct pcap_file_header: microseconds, version 2.4, Ethernet.
        byte[] header = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2C3D4);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), (uint)_snapLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), 1);
        await _output.WriteLineAsync(_prefix + Convert.ToBase64String(header)).ConfigureAwait(EventLoop.IsCurrent);
        while (true)
        {
            (byte[] Record, int Length) next;
            bool isEnded;
            bool isOne;
            lock (_lock)
            {
                isOne = _queue.TryDequeue(out next);
                _waitingBytes -= isOne ? next.Length - RecordHeader : 0;
                isEnded = _hasEnded;
            }

            if (isOne)
            {
                await _output.WriteLineAsync(_prefix + Convert.ToBase64String(next.Record, 0, next.Length))
                    .ConfigureAwait(EventLoop.IsCurrent);
                ArrayPool<byte>.Shared.Return(next.Record);
            }
            else if (isEnded)
            {
                await _output.WriteLineAsync(
                    string.Create(CultureInfo.InvariantCulture, $"capture of {_name} ended: {_taken} frames, {_missed} left out"))
                        .ConfigureAwait(EventLoop.IsCurrent);
                return;
            }
            else
            {
                await _arrival.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
    }
}

/// <summary>A request in xenstore: <c>on</c> or a number of frames, and after a comma how many bytes of each.</summary>
/// <param name="Frames">The number of frames; <see cref="long.MaxValue"/> for no limit.</param>
/// <param name="SnapLength">The largest number of bytes of a frame that are written.</param>
internal readonly record struct CaptureRequest(long Frames, int SnapLength)
{
    private const int DefaultSnapLength = 2048;

    /// <summary>Whether it requests a capture.</summary>
    public bool IsOn => Frames > 0;

    public static bool TryParse(string? text, out CaptureRequest request)
    {
        request = new(0, DefaultSnapLength);
        string[] parts = (text ?? "").Trim().Split(',');
        if (parts is ["" or "off"])
        {
            return true;
        }

        long frames = long.MaxValue;
        int snapLength = DefaultSnapLength;
        if (parts.Length > 2
            || (parts[0] != "on" && !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out frames))
            || (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out snapLength))
            || snapLength is < 1 or > NetProtocol.MaximumFrameSize)
        {
            return false;
        }

        request = new(parts[0] == "on" ? long.MaxValue : frames, snapLength);
        return true;
    }
}
