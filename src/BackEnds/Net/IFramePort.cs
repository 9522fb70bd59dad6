using Xenlet.Drivers;

namespace Xenlet.BackEnds;

/// <summary>One end of a virtual cable: what is sent to it comes out at whoever is behind it.</summary>
public interface IFramePort
{
    /// <summary>
    /// Sends a frame. It takes over the frame in every case, never waits, and drops what there is no room for. Any thread may call it.
    /// </summary>
    void Send(FrameBuffer frame);
}
