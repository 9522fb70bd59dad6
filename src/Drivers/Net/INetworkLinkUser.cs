using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>Who runs a TCP/IP stack over the interfaces of a <see cref="NetworkDriver"/>.</summary>
public interface INetworkLinkUser
{
    /// <summary>
    /// Takes an interface that has come, before it connects. It is the stack's from then on, until it is gone: the program's own attempts
    /// to send or receive fail.
    /// </summary>
    /// <returns>False to leave it to the program.</returns>
    bool TryTake(NetworkLink link);

    /// <summary>
    /// A frame may have arrived on a link, there may be room again, or its state has changed. Called on any thread, the stack's own
    /// included; it has the stack's thread look, and must not wait.
    /// </summary>
    void Wake(NetworkLink link);

    /// <summary>
    /// A link has a new event channel. Called by the stack's thread, which may have the channel's events end its own wait, so that no other
    /// thread runs first; whoever does nothing is woken all the same.
    /// </summary>
    void Watch(IEventChannel channel)
    {
    }

    /// <summary>
    /// The interfaces are about to close for good. Called on any thread. The task ends when all that was accepted to be sent is delivered,
    /// or <paramref name="limit"/> is over; it needs neither the caller's thread nor the pool.
    /// </summary>
    /// <param name="isProgramEnding">
    /// Whether the program ends: then what it has open closes with it, and none of its threads sends or receives any more.
    /// </param>
    /// <param name="limit">How long that may take.</param>
    Task FinishAsync(bool isProgramEnding, TimeSpan limit) => Task.CompletedTask;
}
