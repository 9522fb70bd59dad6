namespace Xenlet.Net;

/// <summary>What carries Ethernet frames: a Xen interface, a TAP device, a simulated link. Called by the stack's thread alone.</summary>
public interface ILink
{
    /// <summary>The hardware address.</summary>
    MacAddress Address { get; }

    /// <summary>The largest IP packet that a frame carries, in bytes. It may change when the domain moves to another host.</summary>
    int Mtu { get; }

    /// <summary>What the device does for a frame that is sent. It may change as <see cref="Mtu"/> does.</summary>
    LinkOffloads Offloads { get; }

    /// <summary>
    /// Whether the device puts a frame together from where its bytes are (<see cref="PacketBuffer.CopyTo(Span{Memory{byte}})"/>), within
    /// <see cref="TrySend"/>; others get frames that are settled.
    /// </summary>
    bool Gathers => false;

    /// <summary>
    /// Sends a frame, takes the buffer over and returns it to its pool (<see cref="PacketBuffer.Return"/>) when the frame has left. False,
    /// with the buffer still the caller's, when there is no room now.
    /// </summary>
    bool TrySend(PacketBuffer frame);

    /// <summary>
    /// Has the device see all frames that were sent. The stack calls it when it has nothing more to send for now; a link that sends each
    /// frame at once needs none.
    /// </summary>
    void Flush()
    {
    }

    /// <summary>
    /// The stack's thread is about to wait: asks the device to wake it for the next frame. False when a frame is there already, and the
    /// thread goes on; a link that needs no asking answers true.
    /// </summary>
    bool TryRest() => true;

    /// <summary>
    /// The next frame that has arrived, in a buffer of <paramref name="pool"/> that is the caller's from now on; null when there is none.
    /// Its last bytes may still lie with the device (<see cref="ILentPayload"/>): until the next call, or that of <see cref="TryRest"/>,
    /// which copies them if the frame still needs them.
    /// </summary>
    PacketBuffer? TryReceive(PacketPool pool);

    /// <summary>Asks the device to deliver a multicast group's frames, or no longer; a device without filters delivers all.</summary>
    void SetMulticast(MacAddress group, bool isJoined);
}
