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

    /// <summary>For tests: runs in the work that stops the bus, before it does so.</summary>
    internal Action? BeforeRest { get; set; }

    private bool IsRunning
    {
        get
        {
            lock (_lock)
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
    /// Stops the bus's work, before <see cref="XenStoreClient.SuspendAsync"/>: finishes the examination under way, suspends each driver,
    /// and starts no work until <see cref="ResumeAsync"/> or <see cref="CancelSuspendAsync"/>. When a driver refuses, the bus continues,
    /// and notifies the drivers that had agreed. A driver that throws loses its own device. The report names a driver that does not return
    /// within <see cref="XenBusOptions.SuspendTimeLimit"/>, and the suspend does not wait for it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is being suspended already, or is suspended.</exception>
    public async Task<SuspendReport> SuspendAsync(CancellationToken cancellationToken = default)
    {
        Change(SuspendPhase.Running, SuspendPhase.Suspending);
        XenDevice[] told = [];
        int suspend;
        lock (_lock)
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

            // Only the bus's queue changes the list, so it stays the same until the resume.
            told = _devices.All();

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
                Continue(told);
            }

            return report;
        }
        catch
        {
            Continue(told);
            throw;
        }
    }

    /// <summary>
    /// Continues after a suspend that did not come about, after <see cref="XenStoreClient.CancelSuspend"/>. It notifies the drivers, and
    /// does nothing else.
    /// </summary>
    /// <exception cref="InvalidOperationException">The bus is not suspended.</exception>
    public ValueTask CancelSuspendAsync()
    {
        Change(SuspendPhase.Suspended, SuspendPhase.Suspending);
        Continue(_devices.All());
        return default;
    }

    /// <summary>
    /// Continues after a suspend, after <see cref="XenStoreClient.ResumeAsync(Func{IXenStoreTransport}, CancellationToken)"/>: examines
    /// every device, finds its new other end, notifies the drivers, and enumerates the devices that came or went meanwhile. Returns when it
    /// has examined all devices; drivers may still be resuming. In <see cref="XenBusOptions.Stepped"/> mode it returns before that.
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
        XenDevice[] devices = _devices.All();
        try
        {
            if (!_watch.IsRegistered && _isStarted)
            {
                try
                {
                    await _watch.RegisterAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
                }
                catch (XenStoreException error)
                {
                    _watch.RetryLater(error);
                }
            }

            // The domain's directory may be a new one, without what we announced.
            await AnnounceAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            _skipped.Clear();
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
            // For devices that came and went meanwhile: the watch may have lost their events.
            ExamineBelow(Node, notify: false);
            examined.TrySetResult();
        }
    }

    /// <summary>
    /// Examines a device until xenstored answers. The device's queue is held meanwhile, and the domain may suspend again.
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

    /// <summary>Holds the queue, unless the suspend that posted this work was cancelled before its turn.</summary>
    private void Rest(int suspend)
    {
        BeforeRest?.Invoke();
        lock (_lock)
        {
            if (_suspends == suspend && _suspendPhase == SuspendPhase.Suspending)
            {
                _queue.Hold();
            }
        }
    }

    private void Continue(XenDevice[] devices)
    {
        foreach (XenDevice device in devices)
        {
            device.CancelSuspend();
        }

        _queue.Withdraw(new(BusWorkKind.Suspend));
        Change(SuspendPhase.Suspending, SuspendPhase.Running);
        // Last, so that a piece of work that is running cannot hold the queue again.
        _queue.Release();
    }

    private void Change(SuspendPhase from, SuspendPhase to)
    {
        lock (_lock)
        {
            if (_suspendPhase != from)
            {
                throw new InvalidOperationException($"The bus {Node} is {_suspendPhase}, not {from}.");
            }

            _suspendPhase = to;
        }
    }
}
