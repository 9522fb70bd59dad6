using System.Globalization;

namespace Xenlet.BackEnds.Net;

/// <summary>Counts of one front end since its device was plugged. Its own tasks write them; readers may see slightly old values.</summary>
internal sealed class PortCounters
{
    /// <summary>Frames that the front end has sent.</summary>
    public long Sent;

    /// <summary>Their bytes.</summary>
    public long SentBytes;

    /// <summary>The length of the longest of them, in bytes.</summary>
    public int Largest;

    /// <summary>Frames of the front end that were answered with an error.</summary>
    public long Refused;

    /// <summary>Frames that the front end has received. A frame that was cut counts once for each segment.</summary>
    public long Received;

    /// <summary>Their bytes.</summary>
    public long ReceivedBytes;

    /// <summary>Received frames that went straight from another front end's pages, as far as headers do not.</summary>
    public long Straight;

    /// <summary>Frames for the front end that it does not support or cannot take, since a page that it granted cannot be written.</summary>
    public long Undeliverable;

    /// <summary>Frames that were dropped because there was no room or no connection. Any thread adds to it.</summary>
    public long Dropped;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Sent} frames ({SentBytes} bytes, {Largest} bytes in the largest frame) from it, {Refused} refused; "
            + $"{Received} ({ReceivedBytes} bytes, {Straight} frames straight) to it, "
            + $"{Interlocked.Read(ref Dropped)} dropped, {Undeliverable} undeliverable");
}
