using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>The services of a program that starts none, and how they step aside for those that it does start.</summary>
public sealed class AutomaticServicesTests : IAsyncLifetime
{
    private ControlHost _host = null!;

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData("poweroff", "terminate")]
    [InlineData("reboot", "terminate, then reboot")]
    [InlineData("suspend", "suspend")]
    public async Task A_request_is_carried_out_for_a_program_that_starts_no_services(string request, string call)
    {
        _host.StartAutomaticServices();
        await _host.AskAsync(request);
        await _host.CallsAsync(call);
        Assert.Equal("1", await _host.Dom0.ReadAsync($"{ControlHost.Home}/control/feature-poweroff"));
        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task After_a_restore_they_report_and_end_the_program()
    {
        _host.Machine.OnSuspend = _host.Move;
        _host.StartAutomaticServices();
        await _host.AskAsync("suspend");
        await _host.CallsAsync("suspend");
        await _host.AskAsync("a", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("suspend", "terminate");
    }

    [Fact]
    public async Task Services_that_the_program_starts_take_their_place_until_they_end()
    {
        _host.StartAutomaticServices();
        await IsServedAsync();
        await _host.StartServicesAsync();
        Assert.Equal(1, _host.Machine.OpenLinks);
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
        await _host.EndServicesAsync();
        await _host.AskAsync("reboot");
        await _host.CallsAsync("terminate", "terminate, then reboot");
        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task A_program_that_was_first_keeps_the_store_until_it_has_done_with_it()
    {
        await _host.StartServicesAsync();
        _host.StartAutomaticServices();
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
        await _host.EndServicesAsync();
        await _host.AskAsync("reboot");
        await _host.CallsAsync("terminate", "terminate, then reboot");
        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task A_program_may_open_the_store_at_any_time_and_as_often_as_it_likes()
    {
        _host.StartAutomaticServices();
        for (int round = 0; round < 50; round++)
        {
            using IXenStoreLink link = _host.Machine.XenStore.Open();
            Assert.Equal(1, _host.Machine.OpenLinks);
        }

        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task A_store_that_cannot_be_opened_is_one_line_and_is_opened_when_the_program_has_found_it()
    {
        const string Opening = "opening the connection to xenstore";
        _host.Machine.OnOpen = () => throw new XenException(Opening, XenErrno.ENOENT);
        _host.StartAutomaticServices();
        await _host.SeesAsync("\n");
        Assert.Equal($"xenlet: nobody answers the tool stack: {new XenException(Opening, XenErrno.ENOENT).Message}\n", _host.Console);
        _host.Machine.OnOpen = () => { };
        _host.Machine.XenStore.Open().Dispose();
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
    }

    [Fact]
    public async Task A_xenstore_that_does_not_answer_is_one_line_and_is_tried_again_when_the_program_has_done_with_it()
    {
        XenStoreException noAnswer = new(XenStoreError.TimedOut, "no xenstored answered in 60 s");
        bool answers = false;
        _host.StartAutomaticServices((machine, link, loop, options, cancellationToken) =>
        {
            if (answers)
            {
                return ControlServices.StartAsync(machine, link, loop, options, cancellationToken);
            }

            link.Dispose();
            throw noAnswer;
        });
        await _host.SeesAsync("\n");
        answers = true;
        _host.Machine.XenStore.Open().Dispose();
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
        Assert.Equal($"xenlet: nobody answers the tool stack: {noAnswer.Message}\n", _host.Console);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Devices_are_driven_where_the_project_wants_it(bool drivesDevices)
    {
        const string Device = "vbd/51712";
        await _host.AddDeviceAsync(Device);
        _host.StartAutomaticServices(drivesDevices ? DomainServices.StartAutomaticallyAsync : null);
        if (drivesDevices)
        {
            await _host.UntilAsync(async () => await _host.Dom0.ReadAsync($"{ControlHost.Home}/device/{Device}/state") == "3");
        }

        await _host.AskAsync("d", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Equal(drivesDevices, _host.Console.Contains($"{Device}  block  Initialised", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_suspend_is_refused_when_the_program_has_ended()
    {
        _host.StartAutomaticServices();
        await IsServedAsync();
        _host.Machine.ProgramEnds.Single()();
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: the program is ending\n");
        Assert.Empty(_host.Machine.Calls);
    }

    /// <summary>Waits until a request was carried out; nothing is left of it.</summary>
    private async Task IsServedAsync()
    {
        await _host.AskAsync("suspend");
        await _host.CallsAsync("suspend");
        _host.Machine.Calls.Clear();
    }
}
