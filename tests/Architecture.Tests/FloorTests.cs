namespace Xenlet.Architecture.Tests;

/// <summary>A room's folders are floors, and dependencies point down.</summary>
public sealed class FloorTests
{
    private static readonly Room PlantedRoom = new("Xenlet.Architecture.Tests", "tests/Architecture.Tests/Planted", "Low", "High")
    {
        Namespace = "Xenlet.Architecture.Tests.Planted",
    };

    public static TheoryData<Room> AllRooms => [.. Rooms.All];

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void No_type_knows_one_of_a_higher_floor(Room room)
    {
        string[] arrows = [.. CompiledRoom.Load(room).ArrowsUp()];

        Assert.True(arrows.Length == 0, $"{room.Directory} has arrows up:\n{string.Join('\n', arrows.Order())}");
    }

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void Every_folder_is_a_floor_and_every_floor_a_folder(Room room)
    {
        CompiledRoom compiled = CompiledRoom.Load(room);

        string[] unlisted = [.. compiled.Types.Where(type => room.FloorOf(type.Folder) < 0).Select(
            type => $"{type.Name} in {type.Folder}")];
        IEnumerable<string> used = compiled.Types.Select(type => room.FloorOf(type.Folder)).Where(floor => floor >= 0)
            .Distinct().Select(floor => room.Floors[floor]);

        Assert.True(unlisted.Length == 0, $"no floor of {room.Directory} has {string.Join(", ", unlisted)}; Rooms.cs has the floors");
        Assert.Equal(room.Floors.Order(), used.Order());
    }

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void What_a_room_shows_has_its_namespace_and_the_rest_that_of_its_folder(Room room)
    {
        string[] misnamed =
        [
            .. from type in CompiledRoom.Load(room).Types
               let expected = type.IsPublic ? room.Namespace : $"{room.Namespace}.{type.Folder.Replace('/', '.')}"

               // The compiler knows some attributes by their full names.
               where type.Namespace != expected && !type.Namespace.StartsWith("System.", StringComparison.Ordinal)
               select $"{type.Namespace}.{type.Name} in {type.Folder} belongs to {expected}",
        ];

        Assert.True(misnamed.Length == 0, string.Join('\n', misnamed));
    }

    /// <summary>The value of a constant leaves no trace in compiled code, although its name was used.</summary>
    [Theory]
    [MemberData(nameof(AllRooms))]
    public void No_source_uses_the_namespace_of_a_higher_floor(Room room)
    {
        string[] arrows = [.. SourceUsings.ArrowsUp(room)];

        Assert.True(arrows.Length == 0, $"{room.Directory} has arrows up:\n{string.Join('\n', arrows.Order())}");
    }

    [Fact]
    public void A_using_of_a_higher_floor_is_found() => Assert.Equal(
        ["tests/Architecture.Tests/Planted/Low/Arrows.cs uses Xenlet.Architecture.Tests.Planted.High: Low is below High"],
        SourceUsings.ArrowsUp(PlantedRoom));

    /// <summary>Each way in which a compiled type can know another is planted once.</summary>
    [Fact]
    public void An_arrow_up_is_found_wherever_it_hides()
    {
        CompiledRoom planted = CompiledRoom.Load(PlantedRoom);
        IEnumerable<string> low = planted.Types.Where(type => type.Folder == "Low" && type.Name != "KnowsNone").Select(type => type.Name);

        Assert.True(low.Count() > 10, "the planted types were not found");
        Assert.Equal(
            low.Select(name => $"{name} -> HighType: Low is below High").Order(),
            planted.ArrowsUp().Order());
    }
}
