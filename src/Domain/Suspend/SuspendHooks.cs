using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Domain;

/// <summary>The program's callbacks before and after a suspend.</summary>
internal sealed class SuspendHooks(ControlOutput output, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly List<Hook> _hooks = [];

    public IDisposable Add(Func<CancellationToken, ValueTask>? before, Func<SuspendOutcome, ValueTask>? after)
    {
        Hook hook = new(this, before, after);
        lock (_lock)
        {
            _hooks.Add(hook);
        }

        return hook;
    }

    /// <summary>Calls the preparations, that of the last added hook first.</summary>
    /// <param name="limit">The limit for all of them together.</param>
    /// <param name="prepared">Receives the hooks whose preparations succeeded, in the order in which they were added.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Why the suspend is refused, or <see langword="null"/>.</returns>
    public async Task<string?> PrepareAsync(TimeSpan limit, List<Hook> prepared, CancellationToken cancellationToken)
    {
        Hook[] hooks;
        lock (_lock)
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
                    // On its own thread, so that the limit holds for code that blocks its thread too.
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

    /// <summary>Reports the outcome to the prepared hooks, one after another.</summary>
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

    /// <summary>The callbacks of one caller; disposing removes them.</summary>
    public sealed class Hook(
        SuspendHooks hooks,
        Func<CancellationToken, ValueTask>? before,
        Func<SuspendOutcome, ValueTask>? after) : IDisposable
    {
        public Func<CancellationToken, ValueTask>? Before => before;

        public Func<SuspendOutcome, ValueTask>? After => after;

        public void Dispose()
        {
            lock (hooks._lock)
            {
                hooks._hooks.Remove(this);
            }
        }
    }
}
