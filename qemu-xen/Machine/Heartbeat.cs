namespace Xenlet.QemuXen.Machine;

/// <summary>Sends dom0 a line that requests nothing, once a second, for the interrupt that comes with it.</summary>
/// <remarks>
/// QEMU's emulation of VMRUN and #VMEXIT changes the processor's set of pending interrupts without the lock that devices take
/// (<c>interrupt_request</c> in target/i386/tcg/sysemu/svm_helper.c). This occasionally loses the interrupt of the local APIC's timer. Xen
/// waits for it before it lets another domain run: until some other device interrupts, only the current guest runs, or nobody, and in a
/// machine as quiet as this that may take minutes. Any interrupt makes QEMU check all pending ones.
/// </remarks>
internal sealed class Heartbeat : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _beating;

    /// <summary>Starts it.</summary>
    /// <param name="agent">The connection to dom0. Once it breaks, nothing more is sent.</param>
    public Heartbeat(AgentChannel agent) => _beating = BeatAsync(agent);

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        _stop.Dispose();
    }

    private async Task BeatAsync(AgentChannel agent)
    {
        try
        {
            using PeriodicTimer timer = new(Period);
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await agent.BeatAsync();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or QemuXenException)
        {
            // Whoever waits for dom0 learns of its end independently.
        }
    }
}
