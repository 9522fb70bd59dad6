using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>
/// A random sequence of what a tool stack, back ends and drivers may do, good and bad, with random pauses. Its number decides the sequence;
/// how it meets the buses' own work is up to the machine.
/// </summary>
internal sealed class Schedule : IAsyncDisposable
{
    private const int Steps = 60;

    // What the tool stack does comes first, since a guest that is suspended does nothing.
    private const int KindsOfToolStack = 21;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly string[] FrontNames = ["vbd/1", "vbd/2", "vbd/51712", "vif/0", "vif/x-y", "vfb/0"];
    private static readonly string[] BackNames = ["vbd/3/1", "vbd/4/1"];
    private readonly int _number;
    private readonly Random _random;
    private readonly ConcurrentDictionary<string, int> _calls = new();
    private readonly List<string> _log = [];
    private readonly int _watchQuota;
    private int _freeWatches;
    private Host _host = null!;
    private FrontBus _front = null!;
    private BackBus _back = null!;
    private volatile bool _isWild = true;

    public Schedule(int number)
    {
        _number = number;
        _random = new(number);
        // The default, or too few for all devices.
        _watchQuota = _random.Next(4) == 0 ? 6 : 128;
    }

    /// <summary>Runs the schedule and checks what it leaves.</summary>
    public async Task RunAsync()
    {
        try
        {
            await StartAsync().WaitAsync(Patience);
            for (int step = 0; step < Steps; step++)
            {
                await StepAsync().WaitAsync(Patience);
            }

            _isWild = false;
            await HealAsync();
            await _host.SettleBusAsync(_front);
            await AgreesAsync("after the last step", DifferenceAsync);
            await EmptyAsync();
            await AllConnectAsync();
        }
        catch (Exception error)
        {
            throw new InvalidOperationException(
                $"""
                Schedule {_number} failed; XENLET_SCHEDULE={_number} runs it alone. {error.Message}
                Done:
                {string.Join('\n', _log)}
                Said:
                {_host?.Text}
                Devices:
                {(_front is null ? "" : DeviceTree.Format(_front, _back))}
                """,
                error);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }
    }

    private async Task StartAsync()
    {
        List<string> options = ["-W", _watchQuota.ToString(CultureInfo.InvariantCulture)];
        if (_random.Next(4) == 0)
        {
            // Too few nodes for what the guest would write.
            options.AddRange(["-E", "24"]);
        }

        _log.Add("xenstored " + string.Join(' ', options));
        _host = await Host.StartAsync([.. options]);
        _freeWatches = await _host.CountFreeWatchesAsync();
        XenBusOptions busOptions = new()
        {
            DetachRetryInterval = TimeSpan.FromMilliseconds(5),
            SuspendTimeLimit = TimeSpan.FromMilliseconds(50),
            BootTimeLimit = Patience,
        };
        _front = _host.Front(busOptions);
        _back = _host.Back(busOptions);
        foreach (string name in FrontNames.Where(_ => _random.Next(2) == 0))
        {
            await AddAsync(name);
        }

        _front.AddDriver(NewDriver());
        _back.AddDriver(NewDriver());
        await _front.StartAsync();
        await _back.StartAsync();
    }

    private async Task StepAsync(int kinds = KindsOfToolStack + 3)
    {
        string name = FrontNames[_random.Next(FrontNames.Length)];
        string back = BackNames[_random.Next(BackNames.Length)];
        string front = $"{Host.Home}/device/{name}";
        int pause = _random.Next(3) == 0 ? _random.Next(8) : 0;
        XenBusState state = (XenBusState)_random.Next(9);
        try
        {
            switch (_random.Next(kinds))
            {
                case 0 or 1 or 2:
                    await DoAsync($"add {name}", () => AddAsync(name));
                    break;
                case 3 or 4:
                    await DoAsync($"remove {name}", () => _host.RemoveAsync(name).AsTask());
                    break;
                case 5:
                    await DoAsync($"remove and add {name} at once", () => _host.Dom0.TransactAsync(async (transaction, _) =>
                    {
                        await transaction.TryRemoveAsync(front);
                        await Host.AddAsync(transaction, name, XenBusState.Initialising, XenBusState.InitWait);
                    }).AsTask());
                    break;
                case 6 or 7 or 8:
                    await DoAsync($"back end of {name}: {state}", () => _host.SetBackStateAsync(name, state).AsTask());
                    break;
                case 9:
                    await DoAsync(
                        $"state of {name}: {state}",
                        () => WriteIfThereAsync(front + "/state", ((int)state).ToString(CultureInfo.InvariantCulture)));
                    break;
                case 10:
                    string node = new[] { "state", "backend", "backend-id" }[_random.Next(3)];
                    string garbage = new[] { "", "garbage", "-1", "999999999999", "/a//b" }[_random.Next(5)];
                    await DoAsync($"{node} of {name}: \"{garbage}\"", () => WriteIfThereAsync($"{front}/{node}", garbage));
                    break;
                case 11:
                    string missing = new[] { "state", "backend", "backend-id" }[_random.Next(3)];
                    await DoAsync($"no {missing} of {name}", () => _host.Dom0.TryRemoveAsync($"{front}/{missing}").AsTask());
                    break;
                case 12:
                    string gone = new[] { "/state", "" }[_random.Next(2)];
                    await DoAsync($"no back end{gone} of {name}", () => _host.Dom0.TryRemoveAsync(Host.BackEnd(name) + gone).AsTask());
                    break;
                case 13:
                    string denied = new[] { "/state", "/backend", "", Host.BackEnd(name) + "/state" }[_random.Next(4)];
                    denied = denied.StartsWith("/local", StringComparison.Ordinal) ? denied : front + denied;
                    bool reads = _random.Next(2) == 0;
                    await DoAsync($"permission denied for {(reads ? "writing" : "all of")} {denied}", () =>
                        _host.Dom0.SetPermissionsAsync(denied, [new(0, reads ? XenStoreRights.Read : XenStoreRights.None)]).AsTask());
                    break;
                case 14:
                    await DoAsync("permissions healed", HealAsync);
                    break;
                case 15:
                    string directory = new[] { "/device/vbd", "/device/vif", "/device" }[_random.Next(3)];
                    await DoAsync("remove " + directory, () => _host.Dom0.TryRemoveAsync(Host.Home + directory).AsTask());
                    break;
                case 16:
                    uint domain = (uint)_random.Next(5, 7);
                    await DoAsync($"{name} moves to domain {domain}", () => _host.Dom0.TransactAsync((transaction, _) => Host.AddAsync(
                        transaction, name, XenBusState.Initialising, XenBusState.InitWait, $"/local/domain/{domain}/backend/{name}",
                        domain))
                            .AsTask());
                    break;
                case KindsOfToolStack:
                    await DoAsync(
                        $"the guest writes into {name}", () => _host.GuestStore.WriteAsync($"device/{name}/ring-ref", "8").AsTask());
                    break;
                case 17:
                    await DoAsync($"add {back}", () => _host.AddBackAsync(back).AsTask());
                    break;
                case 18:
                    await DoAsync($"remove {back}", () => _host.Dom0.TryRemoveAsync($"{Host.Home}/backend/{back}").AsTask());
                    break;
                case 19:
                    string[] parts = back.Split('/');
                    await DoAsync($"front end of {back}: {state}", () =>
                        _host.Dom0.WriteAsync($"/local/domain/{parts[1]}/device/{parts[0]}/{parts[2]}/state", (long)state).AsTask());
                    break;
                case KindsOfToolStack + 1:
                    await DoAsync("suspend and resume", () => _host.SuspendAsync(() => StepAsync(KindsOfToolStack)));
                    break;
                case KindsOfToolStack + 2:
                    await DoAsync("suspend and cancel", () => _host.CancelSuspendAsync(() => StepAsync(KindsOfToolStack)));
                    break;
                case 20:
                    await DoAsync(
                        "much at once", () => Task.WhenAll(FrontNames.Select(each => _host.SetBackStateAsync(each, state).AsTask())));
                    break;
            }
        }
        catch (XenStoreException error) when (error.Error != XenStoreError.TimedOut)
        {
            _log.Add($"  {error.ErrorName}");
        }

        if (pause > 0)
        {
            await Task.Delay(pause);
        }
    }

    private Task DoAsync(string what, Func<Task> action)
    {
        _log.Add(what);
        return action();
    }

    private Task AddAsync(string name) => _host.AddAsync(name, backState: XenBusState.InitWait).AsTask();

    private async Task WriteIfThereAsync(string path, string value)
    {
        if (await _host.Dom0.ExistsAsync(path))
        {
            await _host.Dom0.WriteAsync(path, value);
        }
    }

    /// <summary>Makes every node of devices and back ends one that the guest may read, and its own ones one that it may write.</summary>
    private async Task HealAsync()
    {
        await HealAsync(Host.Home + "/device", Host.Guest, depth: 0);
        await HealAsync("/local/domain/0/backend", 0, depth: 0);
        // xenstored does not announce the removal of a node that the guest may not read: the buses examine everything.
        foreach (string path in new[] { Host.Home + "/device", Host.Home + "/backend" })
        {
            await WriteIfThereAsync(path, "");
        }
    }

    private async Task HealAsync(string path, uint owner, int depth)
    {
        foreach (string name in await _host.Dom0.TryDirectoryAsync(path) ?? [])
        {
            string node = $"{path}/{name}";
            if (depth > 0)
            {
                await _host.Dom0.SetPermissionsAsync(node, owner == 0
                    ? [new(0, XenStoreRights.None), new(Host.Guest, XenStoreRights.Read)]
                    : [new(owner, XenStoreRights.None), new(0, XenStoreRights.Read)]);
            }

            await HealAsync(node, owner, depth + 1);
        }
    }

    /// <summary>Removes everything, and checks that nothing of it is left in the buses.</summary>
    private async Task EmptyAsync()
    {
        foreach (string path in new[] { Host.Home + "/device", Host.Home + "/backend" })
        {
            await _host.Dom0.TryRemoveAsync(path);
            await _host.Dom0.MakeDirectoryAsync(path);
        }

        await AgreesAsync("when all was removed", async () =>
            (_front.Devices.Count, _back.Devices.Count) != (0, 0) ? "the buses are not empty"
            : _front.Hold.Devices.Length != 0 ? $"{string.Join(", ", _front.Hold.Devices.Select(device => device.Name))} still hold boot"
            : await _host.CountFreeWatchesAsync() is int free && free != _freeWatches - 2
                ? $"there are {_freeWatches - free} watches instead of the two buses'"
            : null);
        Assert.True((await _front.WaitForBootAsync()).IsComplete);
    }

    /// <summary>Sets up all devices again, as far as the quotas allow, and checks that all connect.</summary>
    private async Task AllConnectAsync()
    {
        string[] names = FrontNames[..(_watchQuota == 128 ? 5 : 3)];
        foreach (string name in names)
        {
            await _host.Dom0.TryRemoveAsync(Host.BackEnd(name));
            await AddAsync(name);
        }

        await AgreesAsync("when all was set up anew", async () =>
            _front.Devices.Count(device => device.State == XenBusState.Connected) == names.Length
                ? await DifferenceAsync()
                : "not all connect");
    }

    private static async Task AgreesAsync(string when, Func<Task<string?>> findDifference)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (await findDifference() is { } difference)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new InvalidOperationException($"{when}: {difference}");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>How the front bus's view differs from the store, or <see langword="null"/>.</summary>
    private async Task<string?> DifferenceAsync()
    {
        Dictionary<string, XenDevice> known = _front.Devices.ToDictionary(device => device.Name);
        foreach (string type in await _host.Dom0.TryDirectoryAsync(Host.Home + "/device") ?? [])
        {
            foreach (string id in await _host.Dom0.TryDirectoryAsync($"{Host.Home}/device/{type}") ?? [])
            {
                string name = $"{type}/{id}";
                string? difference = await DifferenceAsync(name, known.GetValueOrDefault(name));
                if (difference is not null)
                {
                    return $"{name}: {difference}";
                }

                known.Remove(name);
            }
        }

        return known.Count == 0 ? null : $"{string.Join(", ", known.Keys)}: not in the store";
    }

    private async Task<string?> DifferenceAsync(string name, XenDevice? device)
    {
        string front = $"{Host.Home}/device/{name}";
        string? value = await _host.Dom0.TryReadAsync(front + "/state");
        string? path = await _host.Dom0.TryReadAsync(front + "/backend");
        bool hasOtherEnd = uint.TryParse(
            await _host.Dom0.TryReadAsync(front + "/backend-id"), NumberStyles.None, CultureInfo.InvariantCulture, out uint domain)
            && domain < 0x7FF0 && path is not null && XenStorePath.FindBrokenRule(path) is null && path.StartsWith('/');
        if (device is null)
        {
            // One that was given up is found again only when its state has been another.
            return value is not null
                && XenBusStates.Parse(value) == XenBusState.Initialising
                && hasOtherEnd
                && !_host.Saw(name + ": was given up")
                ? "is not known"
                : null;
        }

        if (value is null || XenBusStates.Parse(value) != device.State)
        {
            return $"the store's state is {value ?? "none"}, the device's {device.State}";
        }

        if (hasOtherEnd && (domain, path) != (device.OtherEndId, device.OtherEndPath))
        {
            return $"the other end is {domain} {path}, for the device {device.OtherEndId} {device.OtherEndPath}";
        }

        if (device.Phase is not (XenDevicePhase.Attached or XenDevicePhase.NoDriver or XenDevicePhase.Attaching))
        {
            return $"is {device.Phase}";
        }

        bool holds = _front.Hold.Devices.Contains(device);
        if (holds && (device.Phase == XenDevicePhase.NoDriver || device.State is XenBusState.Connected or XenBusState.Closed))
        {
            return "holds boot";
        }

        XenBusState otherEnd = XenBusStates.Parse(await _host.Dom0.TryReadAsync(device.OtherEndPath + "/state"));
        return device.FollowsOtherEnd && otherEnd != device.OtherEndState
            ? $"the other end is {otherEnd}, for the device {device.OtherEndState}"
            : null;
    }

    /// <summary>
    /// A driver that connects as an ordinary one does, and now and then fails, refuses, waits, or does what is not usual.
    /// </summary>
    private TestDriver NewDriver()
    {
        TestDriver connecting = TestDriver.Connecting();
        return new("wild")
        {
            OnProbe = device => device.Type is "vfb" or "settle" ? null : ProbePriority.Default,
            OnAttach = async (device, token) =>
            {
                switch (Choose(device, "attach"))
                {
                    case 0:
                        throw new InvalidOperationException("attach");
                    case 1:
                        await Task.Delay(Timeout.Infinite, token);
                        break;
                    case 2:
                        await Task.Delay(3, token);
                        break;
                    case 3:
                        await device.ReportFatalErrorAsync("at once");
                        break;
                }
            },
            OnOtherEnd = async (device, state) =>
            {
                switch (Choose(device, "other end"))
                {
                    case 0:
                        throw new InvalidOperationException("other end");
                    case 1:
                        await Task.Delay(3);
                        break;
                    case 2:
                        await device.Bus.Store.WriteAsync(device.Node + "/ring-ref", "8");
                        break;
                }

                await connecting.OnOtherEnd!(device, state);
            },
            OnLocalEnd = (device, _) => Choose(device, "local end") == 0 ? throw new InvalidOperationException("local end") : default,
            OnDetach = async device =>
            {
                int choice = Choose(device, "detach");
                await Task.Delay(choice == 1 ? 3 : 0);
                return choice == 2 ? throw new InvalidOperationException("detach") : choice is not (3 or 4);
            },
            OnSuspend = device => new(Choose(device, "suspend") != 0),
            OnResume = (device, _) => Choose(device, "resume") == 0 ? throw new InvalidOperationException("resume") : default,
        };
    }

    /// <summary>
    /// A number below 24, decided by the schedule, the device, the call and how often it was made; 23 when all is to go well.
    /// </summary>
    private int Choose(XenDevice device, string call)
    {
        string key = $"{_number} {device.Node} {call}";
        int made = _calls.AddOrUpdate(key, 1, (_, before) => before + 1);
        uint hash = 2166136261;
        foreach (char letter in $"{key} {made}")
        {
            hash = (hash ^ letter) * 16777619;
        }

        return _isWild ? (int)(hash >> 8) % 24 : 23;
    }
}
