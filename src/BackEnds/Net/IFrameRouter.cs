using Xenlet.Drivers;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// A port that says where a frame goes before it takes it: the frame may then go there without passing through this domain's memory.
/// </summary>
internal interface IFrameRouter : IFramePort
{
    /// <summary>Decides about a frame, once: limits and connections count it.</summary>
    /// <param name="frame">
    /// The frame in its whole length. Of a frame of TCP, nothing behind the headers is read, and need not be there; the headers must not
    /// change afterwards, and have to be those that arrive.
    /// </param>
    FrameRoute Route(ReadOnlySpan<byte> frame);

    /// <summary>Sends a frame where <see cref="Route"/> said. It takes over the frame in every case.</summary>
    void Send(in FrameRoute route, FrameBuffer frame);
}
