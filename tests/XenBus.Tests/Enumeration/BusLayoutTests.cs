namespace Xenlet.XenBus.Tests;

/// <summary>The layout of a bus in the store, without a store.</summary>
public sealed class BusLayoutTests
{
    private static readonly BusLayout Front = new("device", 1, "backend", "backend-id");
    private static readonly BusLayout Back = new("backend", 2, "frontend", "frontend-id");

    public static TheoryData<string, string?, string?> FrontPaths => new()
    {
        { "device", null, null },
        { "device/vbd", null, null },
        { "device/vbd/1", "device/vbd/1", "" },
        { "device/vbd/1/state", "device/vbd/1", "/state" },
        { "device/vbd/1/queue/0/ring-ref", "device/vbd/1", "/queue/0/ring-ref" },
    };

    public static TheoryData<string, string?, string?> BackPaths => new()
    {
        { "backend", null, null },
        { "backend/vbd", null, null },
        { "backend/vbd/3", null, null },
        { "backend/vbd/3/51712", "backend/vbd/3/51712", "" },
        { "backend/vbd/3/51712/online", "backend/vbd/3/51712", "/online" },
    };

    [Theory]
    [MemberData(nameof(FrontPaths))]
    public void A_path_of_the_front_bus_is_split_behind_type_and_name(string path, string? node, string? change) =>
        Assert.Equal((node, change), (Front.Split(path)?.DeviceNode, Front.Split(path)?.Change));

    [Theory]
    [MemberData(nameof(BackPaths))]
    public void A_path_of_the_back_bus_is_split_behind_type_domain_and_name(string path, string? node, string? change) =>
        Assert.Equal((node, change), (Back.Split(path)?.DeviceNode, Back.Split(path)?.Change));

    [Theory]
    [InlineData("device", false)]
    [InlineData("device/vbd", false)]
    [InlineData("device/vbd/1", true)]
    public void A_device_lies_as_deep_as_its_id_has_components(string path, bool isDevice)
    {
        Assert.Equal(isDevice, Front.IsDevice(path));
        Assert.Equal(isDevice, Back.IsDevice(path.Replace("device", "backend/any", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("device", true)]
    [InlineData("device/vbd/1/state", true)]
    [InlineData("device2/vbd", false)]
    [InlineData("data", false)]
    [InlineData("", false)]
    public void A_bus_contains_its_directory_and_what_lies_below_it(string path, bool isContained) =>
        Assert.Equal(isContained, Front.Contains(path));

    [Fact]
    public void A_device_is_named_by_its_type_and_id()
    {
        Assert.Equal("vbd/51712", Front.NameOf("device/vbd/51712"));
        Assert.Equal(("vbd", "51712"), Front.TypeAndId("device/vbd/51712"));
        Assert.Equal(("vbd", "3/51712"), Back.TypeAndId("backend/vbd/3/51712"));
    }
}
