using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

public sealed class ManagedNameTests
{
    [Theory]
    [InlineData("S_P_CoreLib_System_Threading_Thread__StartThread", "System.Threading.Thread.StartThread")]
    [InlineData("Hello_Program__Main", "Hello.Program.Main")]
    [InlineData("Hello_Program___Main__", "Hello.Program._Main__")]
    [InlineData("RhpNewFast", "RhpNewFast")]
    [InlineData("__start", "__start")]
    [InlineData("trailing__", "trailing__")]
    public void A_mangled_name_becomes_readable_and_others_stay(string name, string expected) =>
        Assert.Equal(expected, ManagedName.Readable(name));
}
