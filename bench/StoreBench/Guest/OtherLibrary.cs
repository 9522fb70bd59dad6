namespace Xenlet.StoreBench;

/// <summary>Stands where Linux has libxenstore; a guest without Linux has no other library.</summary>
internal static class OtherLibrary
{
    public static bool TryRun(string[] arguments) => false;
}
