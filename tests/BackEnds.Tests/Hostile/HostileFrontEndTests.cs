using Xenlet.Kernel;
using Xunit.Abstractions;

namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>Front ends that do anything at any time lose nothing but their own devices, and may have those again.</summary>
public sealed class HostileFrontEndTests(ITestOutputHelper output)
{
    private const int Steps = 60;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_front_ends_do_others_are_served_limits_hold_and_nothing_is_left(int seed)
    {
        Random random = new(seed);
        HostileHost host = await HostileHost.StartAsync();
        await using (host)
        {
            HostileFrontEnd[] fronts =
            [
                new HostileDisk(host, new(host.Host, "vbd", "51728", "hostile"), new Random(seed * 10), isReadOnly: false),
                new HostileDisk(host, new(host.Host, "vbd", "51744", "hostile"), new Random((seed * 10) + 1), isReadOnly: true),
                new HostileInterface(host, new(host.Host, "vif", "9", "hostile"), new Random((seed * 10) + 2)),
            ];
            host.Machine.Refusal = reference =>
                fronts.Select(front => front.Refuse(reference)).FirstOrDefault(refused => refused is not null);
            foreach (HostileFrontEnd front in fronts)
            {
                await front.AttachAsync();
            }

            for (int step = 0; step < Steps; step++)
            {
                await Task.WhenAll(fronts.Select(front => front.StepAsync()));
                Assert.All(fronts, front => Assert.InRange(front.Mapped, 0, HostileHost.Limits.MappedPages));
                if (step % 10 == 9)
                {
                    await host.CheckHonestAsync(random);
                }
            }

            output.WriteLine(
                $"connected {string.Join(", ", fronts.Select(front => front.Connections))} times, "
                    + $"{host.Hostile.Calls} and {host.ReadOnly.Calls} operations; {host.Switch}");
            Assert.All(fronts, front => Assert.True(front.Connections > 0, "a front end was never connected"));
            Assert.Equal((null, null), (host.Hostile.Violation, host.ReadOnly.Violation));
            Assert.InRange(Math.Max(host.Hostile.Most, host.ReadOnly.Most), 0, HostileHost.Limits.Requests);
            foreach (HostileFrontEnd front in fronts)
            {
                await front.BehaveAsync();
                await front.VanishAsync();
            }

            Assert.Equal(1, host.Machine.Channels);
            await host.CheckHonestAsync(random);
            Assert.DoesNotContain(host.Host.Events, happened => happened.Text.Contains("failed in", StringComparison.Ordinal));
        }
    }
}
