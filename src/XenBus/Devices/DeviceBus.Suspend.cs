using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>Suspend and resume of a bus.</summary>
public abstract partial class DeviceBus
{
    private SuspendPhase _suspendPhase;
    private int _suspends;

    /// <summary>For tests: what happens after the work that brings the bus to rest was begun, and before it does.</summary>
    internal Action? BeforeRest { get; set; }

    private bool IsRunning
    {
        get
        {
            lock (_gate)
            {
                return _suspendPhase == SuspendPhase.Running;
            }
        }
    }

    private enum SuspendPhase
    {
        Running,
        Suspending,
        Suspended,
        Resuming,
    }

    /// <summary>
    /// Brings the bus to rest, before <see cref="XenStoreClient.SuspendAsync"/>: the look under way ends, each driver is told, and no queue
    /// starts anything until <see cref="ResumeAsync"/> or <see cref="CancelSuspendAsync"/>. When a driver refuses, the bus goes on, and
    /// drivers that have agreed are told so. One that throws loses its own device; one that does not return within
    /// <see cref="XenBusOptions.SuspendTimeLimit"/> is named, and not waited for.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is being suspended already, or is suspended.</exception>
    public async Task<SuspendReport> SuspendAsync(CancellationToken cancellationToken = default)
    {
        Change(SuspendPhase.Running, SuspendPhase.Suspending);
        XenDevice[] told = [];
        int suspend;
        lock (_gate)
        {
            suspend = ++_suspends;
        }

        try
        {
            TaskCompletionSource atRest = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_queue.Post(new(BusWorkKind.Suspend), () =>
                {
                    Rest(suspend);
                    atRest.TrySetResult();
                    return default;
                }))
            {
                await EventLoop.OnLoop(atRest.Task).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            // The list changes on the bus's queue only, so it is now what it will be until the resume.
            lock (_gate)
            {
                told = [.. _devices.Values];
            }

            (XenDevice Device, Task<bool> Answer)[] answers = [.. told.Select(device => (device, device.SuspendAsync()))];
            try
            {
                await Task.WhenAll(answers.Select(answer => EventLoop.OnLoop(answer.Answer)))
                    .WaitAsync(Options.SuspendTimeLimit, Options.TimeProvider, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (TimeoutException)
            {
            }

            List<XenDevice> refused = [], late = [];
            foreach ((XenDevice device, Task<bool> answer) in answers)
            {
                if (!answer.IsCompleted)
                {
                    late.Add(device);
                    device.HoldForSuspend();
                    Report(device, $"{device.Name}: driver {device.Driver?.Name} is late for the suspend, and is not waited for");
                }
                else if (!await answer.ConfigureAwait(EventLoop.IsCurrent))
                {
                    refused.Add(device);
                    Report(device, $"{device.Name}: driver {device.Driver?.Name} refuses the suspend");
                }
            }

            SuspendReport report = new(refused, late);
            if (report.IsReady)
            {
                Change(SuspendPhase.Suspending, SuspendPhase.Suspended);
            }
            else
            {
                GoOn(told);
            }

            return report;
        }
        catch
        {
            GoOn(told);
            throw;
        }
    }

    /// <summary>
    /// Goes on after a suspend that did not come about, after <see cref="XenStoreClient.CancelSuspend"/>. Drivers are told, and nothing
    /// else is done.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is not suspended.</exception>
    public ValueTask CancelSuspendAsync()
    {
        Change(SuspendPhase.Suspended, SuspendPhase.Suspending);
        XenDevice[] devices;
        lock (_gate)
        {
            devices = [.. _devices.Values];
        }

        GoOn(devices);
        return default;
    }

    /// <summary>
    /// Goes on after a suspend, after <see cref="XenStoreClient.ResumeAsync(Func{IXenStoreTransport}, CancellationToken)"/>: examines
    /// every device again, finds its new other end, has drivers told, and looks for devices that came or went meanwhile. Returns when all
    /// have been examined; drivers may still be resuming. In <see cref="XenBusOptions.Stepped"/> mode it returns before.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is not suspended.</exception>
    public async ValueTask ResumeAsync(CancellationToken cancellationToken = default)
    {
        Change(SuspendPhase.Suspended, SuspendPhase.Resuming);
        TaskCompletionSource examined = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_queue.Release((new(BusWorkKind.Resume), () => ExamineAllAsync(examined))) && !Options.Stepped)
        {
            await EventLoop.OnLoop(examined.Task).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask ExamineAllAsync(TaskCompletionSource examined)
    {
        XenDevice[] devices;
        bool watched;
        lock (_gate)
        {
            devices = [.. _devices.Values];
            watched = _watch is not null;
        }

        try
        {
            if (!watched && _isStarted)
            {
                try
                {
                    await WatchAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
                }
                catch (XenStoreException error)
                {
                    SayNotWatched(error);
                    _watchAgain.Schedule();
                }
            }

            // The domain's directory may be a new one.
            await AnnounceAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            _givenUp.Clear();
            _passedOver.Clear();
            (XenDevice Device, ResumeFinding Finding)[] findings = await Task.WhenAll(devices.Select(async device =>
                (device, await device.ExamineAsync().ConfigureAwait(EventLoop.IsCurrent)))).ConfigureAwait(EventLoop.IsCurrent);
            foreach ((XenDevice device, ResumeFinding finding) in findings)
            {
                if (!finding.IsTemporary)
                {
                    device.Resume(finding);
                }
                else if (device.AwaitExamination())
                {
                    Report(
                        device, $"{device.Name}: cannot be looked at after the resume, and is looked at again: {finding.Error!.Message}");
                    _ = ExamineAgainAsync(device);
                }
            }
        }
        finally
        {
            Change(SuspendPhase.Resuming, SuspendPhase.Running);
            // For what came and went meanwhile, whether or not the root watch says so.
            Look(Node, tell: false);
            examined.TrySetResult();
        }
    }

    /// <summary>
    /// Examines a device, whose queue stands still, until xenstored has said something of it. The domain may be suspended meanwhile.
    /// </summary>
    private async Task ExamineAgainAsync(XenDevice device)
    {
        XenStoreRetryPause pause = new();
        try
        {
            while (true)
            {
                await Task.Delay(pause.Next(), Options.TimeProvider, _end.Token).ConfigureAwait(EventLoop.IsCurrent);
                if (!IsRunning)
                {
                    continue;
                }

                ResumeFinding finding = await device.ExamineAsync().ConfigureAwait(EventLoop.IsCurrent);
                if (!device.AwaitsExamination)
                {
                    return;
                }

                if (!finding.IsTemporary && IsRunning)
                {
                    device.Resume(finding);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The bus ends.
        }
    }

    /// <summary>Holds the queue, unless the suspend that wants it was given up before its turn came.</summary>
    private void Rest(int suspend)
    {
        BeforeRest?.Invoke();
        lock (_gate)
        {
            if (_suspends == suspend && _suspendPhase == SuspendPhase.Suspending)
            {
                _queue.Hold();
            }
        }
    }

    private void GoOn(XenDevice[] devices)
    {
        foreach (XenDevice device in devices)
        {
            device.CancelSuspend();
        }

        _queue.Withdraw(new(BusWorkKind.Suspend));
        Change(SuspendPhase.Suspending, SuspendPhase.Running);
        // Last, so that what runs now does not hold it again.
        _queue.Release();
    }

    private void Change(SuspendPhase from, SuspendPhase to)
    {
        lock (_gate)
        {
            if (_suspendPhase != from)
            {
                throw new InvalidOperationException($"The bus {Node} is {_suspendPhase}, not {from}.");
            }

            _suspendPhase = to;
        }
    }
}
