// pipit — the program. Each sub-command has a file of its own; app.h tells what they share.
#include "app.h"

int main(int argc, char** argv) { return pipit::run_app(argc, argv); }
