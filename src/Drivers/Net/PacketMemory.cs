using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// Received frames in the packet buffers of a TCP/IP stack. Of a large one only the head is copied here, with all of its headers; the rest
/// is lent from the ring's pages until the next frame is taken. Used by the stack's thread alone, but for <see cref="Keep"/>.
/// </summary>
internal sealed class PacketMemory : IFrameMemory<PacketBuffer>
{
    /// <summary>
    /// What is always copied, more than the longest headers: Ethernet's 14 bytes, 60 of IPv4, 60 of TCP. A multiple of eight, so that what
    /// follows is aligned.
    /// </summary>
    private const int HeadSize = 192;

    /// <summary>A first page with less is copied, which costs less than lending it.</summary>
    private const int LeastLent = 2048;

    private readonly LentPages _lent = new();
    private PacketBuffer? _borrower;
    private bool _isWhole;

    /// <summary>The stack's buffers, set before each use.</summary>
    public PacketPool? Pool { get; set; }

    /// <summary>Whether bytes of pages are lent, so that the back end must not get them yet.</summary>
    public bool HasLent => _lent.Length > 0;

    public PacketBuffer Rent(int capacity) => Pool!.Rent(capacity);

    public void Return(PacketBuffer frame)
    {
        if (frame == _borrower)
        {
            Forget();
        }

        frame.Return();
    }

    public int Capacity(PacketBuffer frame) => frame.Capacity;

    public ReadOnlySpan<byte> Data(PacketBuffer frame) => frame.Data;

    public void Append(PacketBuffer frame, ReadOnlySpan<byte> bytes) => bytes.CopyTo(frame.Append(bytes.Length));

    public void Append(PacketBuffer frame, ReadOnlyMemory<byte> bytes)
    {
        if (frame.Length == 0 && bytes.Length >= LeastLent)
        {
            _borrower = frame;
            Append(frame, bytes.Span[..HeadSize]);
            _lent.Add(bytes[HeadSize..]);
        }
        else if (HasLent)
        {
            _lent.Add(bytes);
        }
        else
        {
            Append(frame, bytes.Span);
        }
    }

    public void Describe(
        PacketBuffer frame, bool isChecksumBlank, bool isChecksumValidated, SegmentKind segmentKind, int segmentSize)
    {
        frame.Offload = new(isChecksumBlank, isChecksumValidated, segmentSize);
        if (HasLent)
        {
            _isWhole = true;
            frame.AppendLater(_lent, 0, _lent.Length);
        }
    }

    /// <summary>The pages of a whole frame are the ring's again: copies them if somebody has kept it.</summary>
    public void TakeBack()
    {
        if (_isWhole)
        {
            _borrower!.Settle(_lent);
            Forget();
        }
    }

    /// <summary>All pages are the ring's again, also those of a frame that has not come as a whole.</summary>
    public void TakeAllBack()
    {
        TakeBack();
        if (_borrower is not null)
        {
            _lent.CopyTo(0, _borrower.Append(_lent.Length));
            Forget();
        }
    }

    /// <summary>The pages are about to be freed. Another thread than the stack's may call it.</summary>
    public void Keep() => _lent.Keep();

    private void Forget()
    {
        _lent.Clear();
        _borrower = null;
        _isWhole = false;
    }
}
