namespace Xenlet.Kernel;

/// <summary>This domain's end of an event channel: a notification between two domains that carries no data.</summary>
/// <remarks>
/// <para>Events coalesce: any number of them between two waits end one wait, or two after a cancelled wait. An event is only a hint that
/// something may have happened, and one may arrive without any reason (the first one of a bound channel often does). After each wait, check
/// what is shared with the other end, and wait again if there is nothing new. No event is lost: one that arrives while nobody waits ends
/// the next wait at once.</para>
/// <para>The channel is masked between waits. Another domain that signals without end therefore costs no more than one event per wait
/// (XSA-391). If the owner reports spurious events, they are let through less and less often: <see cref="ReportSpurious"/>.</para>
/// <para>All members are thread-safe. The owner disposes the channel, which closes its port (an adopted port is only released); the other
/// end is not notified of that. A resume of the domain (<see cref="IPower.Suspend"/>) closes all channels, as if they were disposed.</para>
/// </remarks>
public interface IEventChannel : IDisposable
{
    /// <summary>The port number of this end, which the other domain needs to bind to it.</summary>
    uint Port { get; }

    /// <summary>Signals the other end. Has no effect while nobody is bound there.</summary>
    /// <exception cref="XenException">Xen refused.</exception>
    /// <exception cref="ObjectDisposedException">The channel was disposed.</exception>
    void Notify();

    /// <summary>Waits for the next event. Only one wait at a time; await its result before the next one.</summary>
    /// <param name="cancellationToken">Ends the wait. An event that arrives later ends the next wait.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="InvalidOperationException">Another wait has not ended, or its result has not been taken.</exception>
    /// <exception cref="ObjectDisposedException">The channel was disposed before or during the wait.</exception>
    ValueTask WaitAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Reports that the event which ended the last wait was spurious. A few in a row have no effect, since the owner may have found the
    /// news before its event arrived. After more, the channel stays masked for a while at the start of each wait, longer each time, up to
    /// an eighth of a second. The first event that is not reported ends this. Call it once, before the next wait.
    /// </summary>
    /// <returns>Whether the next wait starts masked because the other end signals without cause.</returns>
    bool ReportSpurious();
}
