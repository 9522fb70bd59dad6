namespace Xenlet.Kernel;

/// <summary>
/// Our end of an event channel: a bell between two domains that carries no data.
/// </summary>
/// <remarks>
/// <para>
/// Events coalesce: any number of them between two waits end one wait, or two after a wait that was cancelled. An event is only a hint that
/// something may have happened, and one may come without any reason (the first one of a bound channel often does); whoever waits looks at
/// what it shares with the other end, and waits again if there is nothing new. No event is lost: one that comes while nobody waits ends the
/// next wait at once.
/// </para>
/// <para>
/// The channel is silent between waits. Another domain that signals without end therefore costs no more than one event for each wait
/// (XSA-391). Events that bring nothing come less and less often, if their owner says which they are: <see cref="ReportSpurious"/>.
/// </para>
/// <para>
/// All members may be called by any thread. The owner disposes it, which closes the port (an adopted port is only let go); the other end is
/// told nothing by that. A resume of the domain (<see cref="IPower.Suspend"/>) closes all channels: they are as if disposed.
/// </para>
/// </remarks>
public interface IEventChannel : IDisposable
{
    /// <summary>The number of our end, which the other domain needs to bind to it.</summary>
    uint Port { get; }

    /// <summary>Signals the other end. Without effect while nobody is bound there.</summary>
    /// <exception cref="XenException">Xen refused.</exception>
    /// <exception cref="ObjectDisposedException">The channel was disposed.</exception>
    void Notify();

    /// <summary>Waits for the next event. One wait at a time; await its result before the next.</summary>
    /// <param name="cancellationToken">Ends the wait; an event that comes later ends the next one.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="InvalidOperationException">Another wait has not ended, or its result was not taken.</exception>
    /// <exception cref="ObjectDisposedException">The channel was disposed, before the wait or in its course.</exception>
    ValueTask WaitAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Says that the event which ended the last wait brought nothing. A few in a row change nothing, since an event may be overtaken by a
    /// look that was made before it came; with more of them the channel stays silent for a while at the begin of each wait, longer each
    /// time, up to an eighth of a second. An event that is not reported so ends this. Called once, before the next wait.
    /// </summary>
    /// <returns>Whether the next wait begins with such a silence: the other end signals without cause.</returns>
    bool ReportSpurious();
}
