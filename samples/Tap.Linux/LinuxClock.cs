using System.Diagnostics;
using System.Security.Cryptography;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>The clocks and random numbers of Linux, for a stack.</summary>
internal sealed class LinuxClock : IStackClock, IRandomSource
{
    // Of Linux, a tick of the stopwatch is a nanosecond.
    public long Now => Stopwatch.GetTimestamp();

    public DateTime UtcNow => DateTime.UtcNow;

    public void Fill(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);
}
