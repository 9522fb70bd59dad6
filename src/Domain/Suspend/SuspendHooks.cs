using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Domain;

/// <summary>What the program wants done around a suspend.</summary>
internal sealed class SuspendHooks(ControlOutput output, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly List<Hook> _hooks = [];

    public IDisposable Add(Func<CancellationToken, ValueTask>? before, Func<SuspendOutcome, ValueTask>? after)
    {
        Hook hook = new(this, before, after);
        lock (_gate)
        {
            _hooks.Add(hook);
        }

        return hook;
    }

    /// <summary>Makes the preparations, the latest hook's first.</summary>
    /// <param name="limit">How long they may take together.</param>
    /// <param name="prepared">Receives the hooks whose preparations are done, in order of their addition.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Why the suspend is refused, or null.</returns>
    public async Task<string?> PrepareAsync(TimeSpan limit, List<Hook> prepared, CancellationToken cancellationToken)
    {
        Hook[] hooks;
        lock (_gate)
        {
            hooks = [.. _hooks];
        }

        using CancellationTokenSource time = new(limit, clock);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        Array.Reverse(hooks);
        foreach (Hook hook in hooks)
        {
            if (hook.Before is { } before)
            {
                try
                {
                    // Code that blocks its thread counts as late like any other.
                    await OwnThread.RunAsync(() => before(ended.Token).AsTask()).WaitAsync(ended.Token)
                        .ConfigureAwait(EventLoop.IsCurrent);
                }
                catch (OperationCanceledException) when (time.IsCancellationRequested)
                {
                    return $"the program's preparations took longer than {limit.TotalSeconds:0.###} s";
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    throw;
                }
                catch (Exception error)
                {
                    return $"the program's preparations failed: {error.Message}";
                }
            }

            prepared.Insert(0, hook);
        }

        return null;
    }

    /// <summary>Tells hooks that were prepared how it went, one after another.</summary>
    public async Task FinishAsync(List<Hook> prepared, SuspendOutcome outcome)
    {
        foreach (Hook hook in prepared)
        {
            if (hook.After is not { } after)
            {
                continue;
            }

            try
            {
                await OwnThread.RunAsync(() => after(outcome).AsTask()).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (Exception error)
            {
                output.Message($"after the suspend the program failed: {error.Message}");
            }
        }
    }

    /// <summary>What one part of the program wants done; disposing takes it back.</summary>
    public sealed class Hook(
        SuspendHooks hooks,
        Func<CancellationToken, ValueTask>? before,
        Func<SuspendOutcome, ValueTask>? after) : IDisposable
    {
        public Func<CancellationToken, ValueTask>? Before => before;

        public Func<SuspendOutcome, ValueTask>? After => after;

        public void Dispose()
        {
            lock (hooks._gate)
            {
                hooks._hooks.Remove(this);
            }
        }
    }
}
